/// placeholder
pub struct History;
