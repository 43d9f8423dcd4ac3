"""Other people's services that programs use by name (`Invoke`)."""
