// Draws one moment of a meeting on a canvas.
import { colour as ink } from "/static/frame/frame.js";

const ROBOTS = ["#3b6cff", "#d9581e", "#1f9d5c", "#a04bd1", "#a58200"];

export const colourOf = (robot) => ROBOTS[robot % ROBOTS.length];

export function scaleOf(canvas, episode) {
  const [left, bottom, right, top] = episode.bounds;
  const scale = canvas.width / (right - left);
  canvas.height = Math.round((top - bottom) * scale);
  return { scale, at: (x, y) => [(x - left) * scale, canvas.height - (y - bottom) * scale] };
}

function line(context, view, points) {
  context.beginPath();
  points.forEach(([x, y], place) => {
    const [a, b] = view.at(x, y);
    if (place) context.lineTo(a, b);
    else context.moveTo(a, b);
  });
  context.stroke();
}

function disc(context, view, x, y, pixels) {
  const [a, b] = view.at(x, y);
  context.beginPath();
  context.arc(a, b, pixels, 0, 2 * Math.PI);
  context.fill();
}

function drawMap(context, view, episode) {
  context.strokeStyle = ink("--ink");
  context.lineWidth = 3;
  for (const [x1, y1, x2, y2] of episode.segments) line(context, view, [[x1, y1], [x2, y2]]);
  context.fillStyle = ink("--faint");
  for (const [x, y, radius] of episode.circles) disc(context, view, x, y, radius * view.scale);
}

function drawScan(context, view, episode, frame, robot) {
  const [x, y, heading] = episode.poses[frame][robot];
  context.globalAlpha = 0.7;
  episode.scans[frame][robot].forEach((range, beam) => {
    if (range === null) return;
    const angle = heading + episode.beams[beam];
    disc(context, view, x + range * Math.cos(angle), y + range * Math.sin(angle), 3);
  });
  context.globalAlpha = 1;
}

// The last plan of a robot that was made at a frame or before it.
export function planAt(episode, frame, robot) {
  return episode.plans.findLast((plan) => plan.robot === robot && plan.frame <= frame);
}

function drawThought(context, view, episode, frame, robot, layers) {
  const plan = planAt(episode, frame, robot);
  if (!plan) return;
  if (layers.cloud) {
    context.globalAlpha = 0.3;
    for (const [x, y] of plan.proposals) disc(context, view, x, y, 6);
    context.globalAlpha = 1;
  }
  if (layers.paths && plan.paths.length) {
    context.lineWidth = 2;
    context.setLineDash([6, 5]);
    for (const member of plan.paths[0].keys()) line(context, view, plan.paths.map((step) => step[member]));
    context.setLineDash([]);
  }
}

function drawRobot(context, view, episode, frame, robot) {
  const [x, y, heading] = episode.poses[frame][robot];
  const size = episode.radius_m * view.scale;
  disc(context, view, x, y, size);
  const [a, b] = view.at(x, y);
  context.strokeStyle = episode.contacts[frame][robot] ? ink("--bad") : "#ffffff";
  context.lineWidth = 4;
  context.beginPath();
  context.moveTo(a, b);
  context.lineTo(a + size * Math.cos(heading), b - size * Math.sin(heading));
  context.stroke();
  context.fillStyle = ink("--ink");
  context.font = "16px system-ui, sans-serif";
  context.fillText(String(robot), a + size, b - size);
}

function drawGoal(context, view, goal) {
  if (goal[0] === null) return;
  const [a, b] = view.at(goal[0], goal[1]);
  context.lineWidth = 5;
  context.beginPath();
  context.moveTo(a - 10, b - 10);
  context.lineTo(a + 10, b + 10);
  context.moveTo(a - 10, b + 10);
  context.lineTo(a + 10, b - 10);
  context.stroke();
}

export function drawMoment(canvas, episode, frame, layers) {
  const context = canvas.getContext("2d");
  const view = scaleOf(canvas, episode);
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawMap(context, view, episode);
  for (const robot of episode.poses[0].keys()) {
    context.fillStyle = context.strokeStyle = colourOf(robot);
    if (layers.trail) {
      context.lineWidth = 2;
      line(context, view, episode.poses.slice(0, frame + 1).map((poses) => poses[robot]));
    }
    if (layers.scan) drawScan(context, view, episode, frame, robot);
    drawThought(context, view, episode, frame, robot, layers);
    drawGoal(context, view, episode.goals[frame][robot]);
    drawRobot(context, view, episode, frame, robot);
  }
}
