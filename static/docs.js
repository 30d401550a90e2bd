"use strict";

// Swagger UI's own layout brings a main, and headings that leave a level out.
const Layout = ({ React }) => ({
  components: {
    PageLayout: ({ getComponent }) => {
      const part = (name) => React.createElement(getComponent(name, true));
      return React.createElement("div", { className: "swagger-ui" }, part("InfoContainer"), part("operations"), part("Models"));
    },
  },
});

const place = document.getElementById("swagger-ui");

new MutationObserver(() => {
  for (const heading of place.querySelectorAll("h3, h4")) heading.setAttribute("aria-level", "2");
}).observe(place, { childList: true, subtree: true });

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  validatorUrl: null,
  plugins: [Layout],
  layout: "PageLayout",
});
