"""The SIP core without I/O: messages, transactions, dialogs, SDP. Pure."""
