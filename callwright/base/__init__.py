"""What every layer may use: errors by whose fault they are, phone numbers, durations. Pure."""
