"""Client-side resilience for asyncio: the library arm."""
