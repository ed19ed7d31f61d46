"""nemo-watch: photos in, video out. A daemon that watches an inbox and delivers finished videos to an outbox."""

__version__ = "0.1.0"
