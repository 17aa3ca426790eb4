"""What every service shares: settings, server, clients, telemetry, faults, store."""
