"""Swift nets in bytes: their layout, their scales, and the graph that runs them."""
