"""Define the transform nets in torch; imported only by training and export."""

from rtstyle.networks.johnson import JohnsonNet
from rtstyle.networks.swift import SWIFT_SIZES, SwiftConfig, SwiftNet
from rtstyle.networks.transform_net import TransformNet

__all__ = ["SWIFT_SIZES", "JohnsonNet", "SwiftConfig", "SwiftNet", "TransformNet"]
