"""The assistant: a language model that works in a container with the rights of who asks (docs/ai.md)."""
