"""Applications that several tests deploy."""

SHORT = {
    "name": "Short",
    "pages": [
        {
            "name": "Main",
            "modules": [
                {"name": "start", "type": "start", "exits": {"next": "hello"}},
                {"name": "hello", "type": "prompt", "prompt": "Hello.", "exits": {"next": "end"}},
                {"name": "end", "type": "exit"},
            ],
        }
    ],
}
"Says hello and hangs up."
