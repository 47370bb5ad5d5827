//! Who gets in, how it says that somebody does not, and that no secret is said anywhere.
