"""Text-to-speech engines behind the Synthesizer port."""
