"""VoiceXML documents as programs."""
