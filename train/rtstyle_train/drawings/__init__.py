"""Style pictures drawn by code after the sample scene: no museum owns them."""

from rtstyle_train.drawings.draw import DRAWINGS, draw_picture, write_drawing

__all__ = ["DRAWINGS", "draw_picture", "write_drawing"]
