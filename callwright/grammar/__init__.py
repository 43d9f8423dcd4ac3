"""What a caller may press or say, and the machine that collects it. Pure."""
