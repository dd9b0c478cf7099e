"""The local driver: instances as sandboxed processes of this machine, kept by a supervisor."""
