"""SIP transports and the media plane: the sockets and threads under a leg."""
