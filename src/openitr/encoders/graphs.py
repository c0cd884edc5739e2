"""ONNX graphs that are run one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from openitr.embeddings import Floats
from openitr.errors import ModelError

Arrays = dict[str, npt.NDArray[Any]]


class Chain:
    """Sessions run one after the other; what one puts out is what the next may take, by name.

    Args:
        sessions: Of the graphs, in the order in which they run; without any, what is given is what is known.
        graphs: Their files, for errors.
        output: Name that is wanted of the last.
        also: Names that are wanted beside it, of those graphs that have them.

    Raises:
        ModelError: The last graph has no such output; while running: a graph failed, or takes what nothing gives.
    """

    def __init__(self, sessions: Sequence[Any], graphs: Sequence[Path], output: str, also: Sequence[str] = ()) -> None:
        self._steps: list[tuple[Any, list[str], list[str], Path]] = []
        needed = {output, *also}
        for session, path in zip(reversed(sessions), reversed(graphs), strict=True):
            inputs = [node.name for node in session.get_inputs()]
            # An output that nobody takes is not asked for, so the runtime does not compute it.
            outputs = [node.name for node in session.get_outputs() if node.name in needed]
            if not self._steps and not outputs:
                raise ModelError(f"{path} has no output {output!r}", 'check "output" in model.json')
            self._steps.insert(0, (session, inputs, outputs, path))
            needed |= set(inputs)
        self._output = output

    def __call__(self, given: Arrays) -> Floats:
        """What the last graph puts out."""
        return np.asarray(self.known(given)[self._output], np.float32)

    def takes(self) -> set[str]:
        """Names that must be given, because no graph puts them out before they are taken."""
        made: set[str] = set()
        taken: set[str] = set()
        for _, inputs, outputs, _ in self._steps:
            taken |= set(inputs) - made
            made |= set(outputs)
        return taken

    def known(self, given: Arrays) -> Arrays:
        """What was given and what every graph put out of it, by name."""
        known: Arrays = dict(given)
        for session, inputs, outputs, path in self._steps:
            if missing := [name for name in inputs if name not in known]:
                raise ModelError(
                    f"{path} takes {missing[0]!r}, which nothing before it gives", f"there are: {', '.join(known)}"
                )
            try:
                results = session.run(outputs, {name: known[name] for name in inputs})
            except Exception as error:  # onnxruntime's errors share no base but Exception
                raise ModelError(f"{path} failed: {error}", "check the types and shapes its inputs declare") from error
            known.update(zip(outputs, results, strict=True))
        return known


def session(data: bytes, path: Path, threads: int | None) -> Any:
    """An inference session over the bytes of one graph; weights outside the file are refused.

    Args:
        data: The graph.
        path: Its file, for errors.
        threads: Inside one call; None is one per physical core that this process may use.

    Raises:
        ModelError: It is no ONNX graph, or not whole.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _allowed()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Idle threads that spin would take the cores on which pictures are decoded ahead of the model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A graph may name other files as its weights. Looked up in a "folder" that is a file, none is ever found.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path))
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base but Exception
        raise ModelError(
            f"{path} cannot be opened: {error}", "it must be one ONNX file with its weights inside it"
        ) from error


def _allowed() -> int:
    """Cores where this process is kept to some of them, which the runtime would not heed; else 0: its own choice."""
    if not hasattr(os, "sched_getaffinity"):
        return 0
    allowed = len(os.sched_getaffinity(0))
    return allowed if allowed < (os.cpu_count() or 1) else 0
