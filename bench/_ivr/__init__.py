"""Parts of the IVR benchmark: audio, SIPp's scenarios, the processes' CPU, the packets' gaps."""
