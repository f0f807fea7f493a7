//! A report into text: one file a format. Pure.
