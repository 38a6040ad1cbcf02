const began = Date.now();
setInterval(() => {
  document.getElementById("seconds").textContent = Math.round((Date.now() - began) / 1000);
}, 1000);
