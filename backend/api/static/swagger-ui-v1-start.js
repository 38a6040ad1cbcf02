// Requests that are tried out go with the browser's own session: this page is one of ours.
window.SwaggerUIBundle({
  url: "/api/v1/schema/",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
