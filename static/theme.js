// Dark unless the reader chose light: run before the page is drawn, so that it does not flash.
"use strict";

const root = document.documentElement;
root.dataset.theme = localStorage.getItem("theme") === "light" ? "light" : "dark";

addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
    localStorage.setItem("theme", root.dataset.theme);
  });
});
