"""What the network is, and what it says of a picture. Knows no HTTP and no training."""
