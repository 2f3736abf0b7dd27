// Cards of different heights: each comes right below the one above it, so that there are no gaps between them.

/** The height of the thin rows that cards take several of, and the space below a card, in pixels. */
const ROW = 2;
const GAP = 12;

/**
 * Packs the cards of a grid, whenever one of them has another height.
 * @param {HTMLElement} grid
 * @returns {() => void} what is called when the grid has other cards
 */
export function packed(grid) {
  const observer = new ResizeObserver(() => {
    for (const card of cards()) card.style.gridRowEnd = `span ${Math.ceil((card.offsetHeight + GAP) / ROW)}`;
    grid.classList.add("packed");
  });
  const cards = () => /** @type {HTMLElement[]} */ ([...grid.children]);
  return () => {
    observer.disconnect();
    grid.classList.remove("packed");
    for (const card of cards()) observer.observe(card);
  };
}
