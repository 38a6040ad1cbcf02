const answer = await fetch("/api/time");
const { time } = await answer.json();
document.getElementById("time").textContent = new Date(time).toLocaleTimeString();
