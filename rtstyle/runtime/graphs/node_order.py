"""Sort the nodes of a graph."""

import onnx


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Put every node after those that it depends on, in place.

    onnxruntime's fp16 conversion leaves them out of order.

    Raises:
        ValueError: some of them depend on each other.
    """
    waiting = [onnx.NodeProto.FromString(n.SerializeToString()) for n in graph.node]
    missing = {name for node in waiting for name in node.output}
    ordered: list[onnx.NodeProto] = []
    while waiting:
        ready = [node for node in waiting if not missing & set(node.input)]
        if not ready:
            raise ValueError("graph: expected a graph without circles")
        ordered += ready
        waiting = [node for node in waiting if missing & set(node.input)]
        missing -= {name for node in ready for name in node.output}
    del graph.node[:]
    graph.node.extend(ordered)
