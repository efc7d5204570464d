"""Running: event -> key -> observe -> decide -> act -> status -> wake-up.

Belongs here: kopf's handlers (which cache and enqueue, no more), the keyed queue, the pass, the
due measurements, resync, webhooks, health, telemetry, settings, the clock.

Never here: a rule about rollouts (engine), routes (traffic) or metrics (analysis), nor progress
kept in memory: kill it anywhere, start it again, same outcome.
"""
