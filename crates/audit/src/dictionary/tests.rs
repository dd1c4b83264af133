//! What a dictionary promises, tried against a model.
