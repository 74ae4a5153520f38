"""The page on loopback where a sticker is dragged over a sign and the network's answer follows."""
