"""Models with channels that go together, and what is right of models that lost some."""
