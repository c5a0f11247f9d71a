"""Makes an int8 model of a float32 one, in two steps with a calibration between them.

`quantise.py watch MODEL WATCHED` adds every activation to the outputs, so that any runtime can record its range;
`quantise.py apply MODEL RANGES.json OUT` writes the int8 model: QuantizeLinear/DequantizeLinear pairs around every
operator, activations as unsigned bytes, weights as signed ones with a scale for each output channel.
"""
import argparse
import json
import pathlib

import numpy
import onnx
from onnx import helper, numpy_helper

WEIGHTED = {'Conv', 'Gemm'}
# Operators that move or choose values and never make new ones: their output keeps their input's scale.
CARRYING = {'MaxPool', 'Flatten'}
# 7 bits, since processors without dot-product instructions add two products in 16 bits and would saturate.
WEIGHT_LIMIT = 63


def activations(graph):
    """The tensors to quantise: all but the logits and what only a ReLU reads (the two become one operator)."""
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.op_type)
    outputs = {value.name for value in graph.output}
    made = [graph.input[0].name, *(name for node in graph.node for name in node.output)]
    return [name for name in made if name not in outputs and set(readers.get(name, [])) != {'Relu'}]


def watch(source, target):
    model = onnx.load(source)
    known = {value.name: value for value in model.graph.value_info}
    for name in activations(model.graph):
        if name in known:
            model.graph.output.append(known[name])
    onnx.save(model, target)


def scale_of(low, high):
    """Scale and zero point of unsigned bytes that hold `low` to `high`; 0 is always exact."""
    low, high = min(low, 0.0), max(high, 1e-6)
    scale = (high - low) / 255
    return numpy.float32(scale), numpy.uint8(round(-low / scale))


class Builder:
    """Collects the new graph's nodes and constants."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def pair(self, name, scale, zero):
        """`name` through bytes and back; gives the name of what comes back."""
        s, z = self.constant(f'{name}.scale', scale), self.constant(f'{name}.zero', zero)
        self.nodes.append(helper.make_node('QuantizeLinear', [name, s, z], [f'{name}.bytes'], f'{name}.quantise'))
        self.nodes.append(
            helper.make_node('DequantizeLinear', [f'{name}.bytes', s, z], [f'{name}.back'], f'{name}.restore'))
        return f'{name}.back'

    def stored(self, name, array, scale, kind):
        """A constant kept as whole numbers with a scale for each entry of its first axis."""
        whole = numpy.round(array / scale.reshape(-1, *[1] * (array.ndim - 1)))
        limit = WEIGHT_LIMIT if kind == numpy.int8 else 2**31 - 1
        self.constant(f'{name}.bytes', numpy.clip(whole, -limit, limit).astype(kind))
        self.constant(f'{name}.scale', scale.astype(numpy.float32))
        self.constant(f'{name}.zero', numpy.zeros(scale.shape, kind))
        self.nodes.append(helper.make_node(
            'DequantizeLinear', [f'{name}.bytes', f'{name}.scale', f'{name}.zero'], [f'{name}.back'],
            f'{name}.restore', axis=0))
        return f'{name}.back'


def apply(source, ranges, target):
    model = onnx.load(source)
    graph = model.graph
    ranges = json.loads(pathlib.Path(ranges).read_text())
    weights = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    quantised = set(activations(graph))
    scales, renamed, build = {}, {}, Builder()

    def quantise(name, like=None):
        if name in quantised:
            scales[name] = scales[like] if like in scales else scale_of(*ranges[name])
            renamed[name] = build.pair(name, *scales[name])

    quantise(graph.input[0].name)
    for node in graph.node:
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        inputs = [renamed.get(name, name) for name in node.input]
        if node.op_type in WEIGHTED:
            weight = weights[node.input[1]]
            if node.op_type == 'Gemm' and not any(a.name == 'transB' and a.i == 1 for a in node.attribute):
                raise SystemExit(f'{node.name}: the weight of a Gemm must be stored as [outputs, inputs]')
            flat = numpy.abs(weight.reshape(weight.shape[0], -1)).max(1)
            weight_scale = numpy.maximum(flat, 1e-8) / WEIGHT_LIMIT
            inputs[1] = build.stored(node.input[1], weight, weight_scale, numpy.int8)
            bias_scale = weight_scale * scales[node.input[0]][0]
            inputs[2] = build.stored(node.input[2], weights[node.input[2]], bias_scale, numpy.int32)
        del copied.input[:]
        copied.input.extend(inputs)
        build.nodes.append(copied)
        like = node.input[0] if node.op_type in CARRYING else None
        for name in node.output:
            quantise(name, like)

    kept = {name for node in build.nodes for name in node.input}
    constants = [value for value in graph.initializer if value.name in kept] + build.constants
    made = helper.make_graph(build.nodes, pathlib.Path(target).stem, graph.input, graph.output, constants)
    written = helper.make_model(made, opset_imports=model.opset_import, producer_name=model.producer_name)
    written.ir_version = model.ir_version
    written = onnx.shape_inference.infer_shapes(written, strict_mode=True)
    onnx.checker.check_model(written)
    onnx.save(written, target)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    steps = arguments.add_subparsers(dest='step', required=True)
    first = steps.add_parser('watch')
    first.add_argument('model')
    first.add_argument('target')
    second = steps.add_parser('apply')
    second.add_argument('model')
    second.add_argument('ranges')
    second.add_argument('target')
    options = arguments.parse_args()
    if options.step == 'watch':
        watch(options.model, options.target)
    else:
        apply(options.model, options.ranges, options.target)


if __name__ == '__main__':
    main()
