"""Audio and RTP on bytes: G.711, packets, telephone events, frame lists. Pure."""
