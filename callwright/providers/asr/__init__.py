"""Speech recognisers behind the Recognizer port."""
