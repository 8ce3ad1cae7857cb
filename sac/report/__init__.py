"""The pages that people read: what runs did, where they part, and how to do it again."""
