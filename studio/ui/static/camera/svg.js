/** SVG elements, and pointers on them. */

/** An SVG element with attributes and children. */
export function s(tag, attributes = {}, ...kids) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  put(element, attributes);
  element.append(...kids.filter(Boolean));
  return element;
}

/** Set attributes; null and false take one away. */
export function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : value);
  }
}

/** The place of a pointer in an element, in its pixels. */
export function at(element, event) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** Run `draw` once in the next frame, however often it is asked for. */
export function soon(draw) {
  let asked = 0;
  return () => {
    if (asked) return;
    asked = requestAnimationFrame(() => { asked = 0; draw(); });
  };
}
