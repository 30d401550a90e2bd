"use strict";

const place = document.getElementById("swagger-ui");

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  validatorUrl: null,
  // It brings a main of its own, and a page has but one.
  onComplete: () => place.querySelector("main")?.setAttribute("role", "group"),
});
