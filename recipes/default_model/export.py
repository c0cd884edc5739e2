"""PyTorch modules to small ONNX files: weights as int8 with one scale per output channel, widened by Cast
and Mul.

ONNX Runtime folds Cast and Mul of constants when a session starts, so the graph runs in float32 at full
speed; the word table is not widened at all, only the rows that a text asks for.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

OPSET = 17
SMALL = 4096  # tensors below this many values stay float32


def export(
    module: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    path: Path,
    axes: dict[str, dict[int, str]],
) -> None:
    """Trace, fold constants, shrink, write."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced, folded = Path(folder) / "traced.onnx", Path(folder) / "folded.onnx"
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(traced),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded)
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(traced), options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(folded))
    shrink(model)
    keep = {"", "ai.onnx"}
    for extra in [o for o in model.opset_import if o.domain not in keep]:
        model.opset_import.remove(extra)
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def _output_axis(name: str, nodes: list[NodeProto]) -> int | None:
    """The axis of `name` that counts output channels, or None where the tensor is not a weight."""
    for node in nodes:
        if name not in node.input:
            continue
        at = list(node.input).index(name)
        if node.op_type == "Conv" and at == 1:
            return 0
        if node.op_type == "MatMul" and at == 1:
            return 1
        if node.op_type == "Gemm" and at == 1:
            return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
        if node.op_type == "Gather" and at == 0:
            return 0
    return None


def shrink(model: ModelProto) -> None:
    """Replace every large weight by int8 values and float32 scales, in place."""
    graph = model.graph
    nodes, added = list(graph.node), []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        axis = _output_axis(tensor.name, nodes)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALL or values.ndim < 2 or axis is None:
            continue
        others = tuple(i for i in range(values.ndim) if i != axis)
        scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, 1e-12).astype(np.float32)
        whole = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        name = tensor.name
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(whole, f"{name}.q"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.s"))
        users = [n for n in nodes if name in n.input]
        if all(n.op_type == "Gather" for n in users):
            for user in users:
                _gather_then_widen(graph, user, name)
            continue
        added.append(helper.make_node("Cast", [f"{name}.q"], [f"{name}.w"], to=TensorProto.FLOAT))
        added.append(helper.make_node("Mul", [f"{name}.w", f"{name}.s"], [name]))
    for node in reversed(added):
        graph.node.insert(0, node)


def _gather_then_widen(graph: onnx.GraphProto, node: NodeProto, name: str) -> None:
    """Look the int8 rows up first, widen only those."""
    ids, out = node.input[1], node.output[0]
    at = list(graph.node).index(node)
    graph.node.remove(node)
    made = [
        helper.make_node("Gather", [f"{name}.q", ids], [f"{out}.q"], axis=0),
        helper.make_node("Gather", [f"{name}.s", ids], [f"{out}.s"], axis=0),
        helper.make_node("Cast", [f"{out}.q"], [f"{out}.w"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{out}.w", f"{out}.s"], [out]),
    ]
    for offset, new in enumerate(made):
        graph.node.insert(at + offset, new)
