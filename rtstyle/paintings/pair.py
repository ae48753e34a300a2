"""The two files of a network for paintings: their names, and what ties them."""

BASE_NAME, ENCODER_NAME = "swift_adain.onnx", "style_encoder.onnx"
"""The pair: a style file whose card tells where the modulation goes, its encoder."""
ENCODER_KEY = "rtstyle.style_encoder"
"""Key of what is known about the encoder in its ``metadata_props``."""
ENCODER_VERSION = 1
"""Layout of that which is written and read."""
PAINTING_INPUT, MODULATION_OUTPUT = "painting", "modulation"
"""Names of the encoder's picture in and numbers out."""
