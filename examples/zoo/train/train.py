"""Trains one architecture on drawn thumbnails and writes it as ONNX: `train.py ID FOLDER… --out FILE`.

Needs torch 1.13 and onnx 1.12 (Debian's python3-torch and python3-onnx). The result repeats for the same machine,
thread count and versions.
"""
import argparse
import json
import pathlib
import time

import numpy
import onnx
import torch
import torch.nn.functional as F

from architectures import ARCHITECTURES, MEAN, STD

CLASSES = 10
OPSET = 17


def load(folders, side):
    """Thumbnails of all folders as uint8 [N, 3, side, side], and labels [N]."""
    pictures, labels = [], []
    for folder in map(pathlib.Path, folders):
        label = numpy.fromfile(folder / 'labels.bin', numpy.uint8)
        raw = numpy.fromfile(folder / f'{side}.rgb', numpy.uint8).reshape(len(label), side, side, 3)
        pictures.append(torch.from_numpy(raw).permute(0, 3, 1, 2))
        labels.append(torch.from_numpy(label).long())
    return torch.cat(pictures), torch.cat(labels)


def vary(x, strength):
    """What leaves the label alone: mirrored, turned, shifted, nearer or farther, other colours, brighter or darker."""
    count = len(x)
    mirrored = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    if strength > 0:
        angle = (torch.rand(count) * 2 - 1) * 0.25 * strength
        zoom = torch.exp((torch.rand(count) * 2 - 1) * 0.2 * strength)
        shift = (torch.rand(count, 2) * 2 - 1) * 0.12 * strength
        matrix = torch.zeros(count, 2, 3)
        matrix[:, 0, 0] = zoom * angle.cos() * mirrored
        matrix[:, 0, 1] = -zoom * angle.sin()
        matrix[:, 1, 0] = zoom * angle.sin() * mirrored
        matrix[:, 1, 1] = zoom * angle.cos()
        matrix[:, :, 2] = shift
        grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, padding_mode='reflection', align_corners=False)
    else:
        x = torch.where(mirrored[:, None, None, None] < 0, x.flip(3), x)
    x = x[:, torch.randperm(3)]
    gain = 1 + (torch.rand(count, 3, 1, 1) * 2 - 1) * 0.2
    return x * gain + (torch.rand(count, 1, 1, 1) * 2 - 1) * 0.2


def normalise(x):
    return ((x.float() - MEAN) / STD).contiguous(memory_format=torch.channels_last)


def accuracy(model, pictures, labels):
    model.eval()
    with torch.no_grad():
        hits = [(model(normalise(x)).argmax(1) == y).sum() for x, y in zip(pictures.split(256), labels.split(256))]
    model.train()
    return float(sum(hits)) / len(labels)


def train(kind, folders, watch, batch=64):
    model = kind['build'](CLASSES).to(memory_format=torch.channels_last).train()
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{'params': decayed, 'weight_decay': 0.02}, {'params': others, 'weight_decay': 0}])
    total = sum(epochs for _, epochs in kind['schedule'])
    done, steps, rates = 0, 0, None
    for side, epochs in kind['schedule']:
        pictures, labels = load(folders, side)
        held, known = slice(len(labels) - watch, None), slice(0, len(labels) - watch)
        for _ in range(epochs):
            started = time.time()
            order = torch.randperm(len(labels) - watch)
            if rates is None:
                rates = torch.optim.lr_scheduler.OneCycleLR(
                    optimiser, kind['rate'], total_steps=total * (len(order) // batch), pct_start=0.2)
            # the last epochs see pictures as they are
            strength = 0.0 if done >= total - max(1, total // 8) else kind['variety']
            for chosen in order.split(batch):
                if len(chosen) < batch:
                    continue
                x = vary(normalise(pictures[known][chosen]), strength)
                logits = model(x.contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(logits, labels[known][chosen], label_smoothing=0.05)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                rates.step()
            done += 1
            print(f'epoch {done}/{total} at {side} px: loss {loss.item():.3f}, '
                  f'watched {accuracy(model, pictures[held], labels[held]):.3f}, {time.time() - started:.0f} s', flush=True)
    return model


def export(model, side, path):
    """ONNX with a free batch size, batch normalisation folded away and every tensor's shape written down."""
    model = model.eval().to(memory_format=torch.contiguous_format)
    torch.onnx.export(
        model, torch.zeros(1, 3, side, side), path, opset_version=OPSET, input_names=['picture'],
        output_names=['logits'], dynamic_axes={'picture': {0: 'N'}, 'logits': {0: 'N'}})
    written = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
    known = {value.name for value in [*written.graph.value_info, *written.graph.output]}
    missing = [name for node in written.graph.node for name in node.output if name not in known]
    if missing:
        raise SystemExit(f'no shape for {missing}: a cut there would not be exact')
    written.graph.name = pathlib.Path(path).stem
    onnx.checker.check_model(written)
    onnx.save(written, path)
    pathlib.Path(path).with_suffix('.json').write_text(json.dumps(facts(written.graph)))


def facts(graph):
    """Multiply-accumulates of one run on one picture, and the number of learnt parameters."""
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
              for value in [*graph.value_info, *graph.output]}
    weights = {value.name: list(value.dims) for value in graph.initializer}
    macs = 0
    for node in graph.node:
        if node.op_type in ('Conv', 'Gemm'):
            each = numpy.prod(weights[node.input[1]][1:])
            macs += int(each * numpy.prod(shapes[node.output[0]][1:]))
    return dict(macs=macs, parameters=int(sum(numpy.prod(dims) for dims in weights.values())))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument('id', choices=ARCHITECTURES)
    arguments.add_argument('folders', nargs='+')
    arguments.add_argument('--out', required=True)
    arguments.add_argument('--watch', type=int, default=600, help='pictures kept aside to watch progress with')
    arguments.add_argument('--threads', type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(20)
    kind = ARCHITECTURES[options.id]
    model = train(kind, options.folders, options.watch)
    export(model, kind['side'], options.out)


if __name__ == '__main__':
    main()
