#!/bin/sh
# Makes everything in examples/zoo/models anew: draws the pictures, trains, quantises, measures.
#
#   examples/zoo/train/regenerate.sh [draw|train ID|quantise ID|measure]…     all four steps for all models when none is named
#
# Needs Node with this project's packages, and Python 3 with torch 1.13 and onnx 1.12 (Debian: python3-torch,
# python3-onnx). PYTHON names another interpreter. Work files go to .cache/zoo; drawn pictures there are used again.
set -eu
cd "$(dirname "$0")/../../.."
here=examples/zoo/train
work=.cache/zoo
models=examples/zoo/models
python=${PYTHON:-/usr/bin/python3}
sets="1001 1002"
each=6000

folders() { for seed in $sets; do echo "$work/train-$seed"; done; }

draw() {
  for seed in $sets; do
    [ -f "$work/train-$seed/labels.bin" ] || npx tsx $here/thumbnails.ts "$work/train-$seed" $each "$seed" train
  done
}

train() {
  mkdir -p $work/build $models
  # shellcheck disable=SC2046
  "$python" $here/train.py "$1" $(folders) --out "$work/build/$1.onnx"
  cp "$work/build/$1.onnx" "$models/$1.onnx"
}

quantise() {
  "$python" $here/quantise.py watch "$work/build/$1.onnx" "$work/build/$1-watched.onnx"
  npx tsx $here/calibrate.ts "$work/build/$1-watched.onnx" "$work/train-1001" "$work/build/$1-ranges.json"
  "$python" $here/quantise.py apply "$work/build/$1.onnx" "$work/build/$1-ranges.json" "$models/$1-int8.onnx"
}

measure() {
  npx tsx $here/measure.ts $work $models
  npx tsx $here/held-out.ts $work/held-out 600 $work/pictures
  npx tsx adapters/cli/main.ts cuts $models --pictures $work/held-out --most 600
  npx biome format --write $models/catalogue.json
}

main() {
  if [ $# -eq 0 ]; then
    draw
    for id in nano small medium large; do train $id; done
    # whole numbers make nano no quicker: it has too little to compute
    for id in small medium large; do quantise $id; done
    measure
  fi
  while [ $# -gt 0 ]; do
    case $1 in
      draw | measure) "$1"; shift ;;
      train | quantise) "$1" "${2:?which model?}"; shift 2 ;;
      *) echo "unknown step $1: use draw, train ID, quantise ID or measure" >&2; exit 2 ;;
    esac
  done
}

main "$@"; exit # read as one line, so that an edit while this runs changes nothing
