"""A recording with its timelines as data of a page, and the component that draws them."""
