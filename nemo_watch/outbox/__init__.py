"""What people get back: videos, receipts, the gallery, notifications."""
