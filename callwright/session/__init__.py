"""A caller's run through an application: commands out, events in. Pure."""
