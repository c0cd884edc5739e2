"""`make demo`: the product's main job on real photographs."""
