"""Warp a picture along a flow, and find where the flow can be trusted."""

import cv2
import numpy as np
import numpy.typing as npt

Flow = npt.NDArray[np.float32]
"""Motion, shape ``(h, w, 2)`` float32: (dx, dy) in pixels of its own grid. Named
`flow_cur_to_prev` when ``prev[y + dy, x + dx]`` shows what ``cur[y, x]`` shows."""

Picture = npt.NDArray[np.float32]
"""Shape ``(h, w)`` or ``(h, w, C)``, float32."""

Mask = npt.NDArray[np.float32]
"""Shape ``(h, w)``, float32, 0..1."""


def pixel_grid(height: int, width: int) -> Flow:
    """Return every pixel's coordinates (x, y): ``(height, width, 2)``."""
    columns = np.arange(width, dtype=np.float32)
    lines = np.arange(height, dtype=np.float32)
    return np.stack(np.meshgrid(columns, lines), axis=-1)


def warp(picture: Picture, flow_cur_to_prev: Flow) -> Picture:
    """Warp the previous picture to the present one, bilinearly.

    Args:
        picture: The previous one, ``(h, w)`` or ``(h, w, C)``, float32.
        flow_cur_to_prev: Where each present pixel was, ``(h, w, 2)``.

    Returns:
        Same shape; pixels from outside repeat the edge.
    """
    warped = cv2.remap(
        picture,
        flow_cur_to_prev,
        None,  # type: ignore[call-overload]
        cv2.INTER_LINEAR | cv2.WARP_RELATIVE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, dtype=np.float32)


def traceable(flow_cur_to_prev: Flow, flow_prev_to_cur: Flow) -> Mask:
    """Return which present pixels can be found in the previous picture.

    A pixel is lost if following both flows does not lead back to it, or if it came
    from outside the picture.

    Returns:
        Shape ``(h, w)``, 1 traceable, 0 not.

    Source:
        ``|w~ + w^|^2 > 0.01 (|w~|^2 + |w^|^2) + 0.5`` of Ruder et al. 2016,
        equation 5, with the roles of the two flows as in Lai et al. 2018.
    """
    height, width = flow_cur_to_prev.shape[:2]
    x, y = _split(flow_cur_to_prev)
    back_x, back_y = _split(warp(flow_prev_to_cur, flow_cur_to_prev))
    gap = _squares(x + back_x, y + back_y)
    lengths = _squares(x, y) + _squares(back_x, back_y)
    visible = gap <= 0.01 * lengths + 0.5
    middle_x, middle_y = np.float32((width - 1) / 2), np.float32((height - 1) / 2)
    x += np.arange(width, dtype=np.float32) - middle_x
    y += np.arange(height, dtype=np.float32)[:, None] - middle_y
    visible &= (np.abs(x) <= middle_x) & (np.abs(y) <= middle_y)
    return np.asarray(visible, dtype=np.float32)


def _split(flow: Flow) -> tuple[Mask, Mask]:
    x, y = cv2.split(flow)
    return np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)


def _squares(x: Mask, y: Mask) -> Mask:
    return np.asarray(x * x + y * y, dtype=np.float32)


def _squared_length(flow: Flow) -> Mask:
    return _squares(*_split(flow))


def motion_boundary(flow_cur_to_prev: Flow) -> Mask:
    """Mark where the flow changes abruptly: 1 boundary, 0 not.

    Source:
        ``|grad u|^2 + |grad v|^2 > 0.01 |w^|^2 + 0.002`` of Ruder et al. 2016,
        equation 6; one-sided differences.
    """
    down = np.diff(flow_cur_to_prev, axis=0, append=flow_cur_to_prev[-1:])
    right = np.diff(flow_cur_to_prev, axis=1, append=flow_cur_to_prev[:, -1:])
    steepness = _squared_length(down) + _squared_length(right)
    limit = 0.01 * _squared_length(flow_cur_to_prev) + 0.002
    return np.asarray(steepness > limit, dtype=np.float32)
