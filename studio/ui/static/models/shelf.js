/** The shelf: all models and LoRA, over the window. */
export function openShelf() {}
