"""Files that anybody may have written or damaged: one reader of files, one of JSON, one judge of tensors."""
