"""Front door: CLI, settings, bootstrap, PBX lifecycle."""
