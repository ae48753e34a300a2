"""What happens to one frame, from network to strength."""
