"""The demo: the main job from end to end on an embedded default, one module a part of the story."""
